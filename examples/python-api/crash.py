"""Ten lines that prove something: a crashed service is restarted by the engine.

python examples/python-api/crash.py        # from the repository's root; needs a Docker engine
"""

import chaoskit

crash = chaoskit.experiment(
    "A crashed service answers again within ten seconds",
    target="restart-policy",
    steady=[chaoskit.http("${web_url}/", timeout=2)],
    method=[chaoskit.fault("crash", service="web")],
    budgets={"recovery": "10s", "redundancy": "25s"},
    healed_by=["docker-restart"],
    probing={"rate": 20, "timeout": "2s"},
)

if __name__ == "__main__":
    result = crash.run(trials=1)
    print(result.sentence, result.worst("recovery"), result.report, sep="\n")
    result.check()
