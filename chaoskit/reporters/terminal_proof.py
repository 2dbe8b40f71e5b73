"""The result of `prove` on a terminal."""
def show(proofs, journal, report, stream):
    for one in proofs:
        print(one.experiment, one.state, one.reason, file=stream)
        for arm in one.arms: print("   ", arm.kind, arm.healer, arm.verdict, arm.behaved, arm.good, arm.trials, arm.reason, file=stream)
