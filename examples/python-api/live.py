"""A target that is broken and watched step by step.

python examples/python-api/live.py         # from the repository's root; needs a Docker engine
"""

import sys

import chaoskit


def main() -> None:
    """Crash the only instance, and hold what users saw against budgets."""
    with chaoskit.live_target("restart-policy", progress=sys.stderr) as target:
        print(f"it answers at {target['web_url']}")
        with target.watch(rate=20, timeout="2s", baseline="1s", stable="1s") as watch:
            with target.crash("web") as fault:
                print(f"hit {', '.join(fault.instances)}: {fault.evidence[0]}")
                watch.wait()
            judgement = watch.check(recovery="10s", redundancy="25s")
    print(f"{judgement.verdict}: {judgement.reason}")
    print(f"report: {target.report}")


if __name__ == "__main__":
    main()
