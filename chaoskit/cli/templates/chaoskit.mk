# Does the system still heal itself? In your Makefile: include chaoskit.mk
# Written by `chaoskit init --make`; yours from now on.
CHAOSKIT ?= chaoskit
CHAOS ?= experiments
CHAOS_ARGS ?=

.PHONY: chaos chaos-validate chaos-plan chaos-prove chaos-clean

chaos: ## Break it, and judge how it heals: CHAOS=experiments/shop CHAOS_ARGS="--trials 1"
	$(CHAOSKIT) run $(CHAOS) $(CHAOS_ARGS)

chaos-validate: ## Every mistake of every experiment; starts nothing
	$(CHAOSKIT) validate $(CHAOS)

chaos-plan: ## What would happen, and for how long; starts nothing
	$(CHAOSKIT) plan $(CHAOS)

chaos-prove: ## Can the experiments fail, and only when they should?
	$(CHAOSKIT) prove $(CHAOS) $(CHAOS_ARGS)

chaos-clean: ## Lift and remove what a killed run left behind
	$(CHAOSKIT) recover
