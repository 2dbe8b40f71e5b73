"""What each exit code means, for those who write the pipeline around it."""

from chaoskit.errors import Exit

EXITS = {
    Exit.PASS: ("every experiment passed", "Go on."),
    Exit.EVIDENCE_AGAINST: (
        "evidence against a system, or another conclusive verdict than the expected one",
        "Fail the build: the report's first sentence says why.",
    ),
    Exit.USAGE: (
        "a file or the command line is wrong; nothing was started",
        "Mend the file: chaoskit validate tells every mistake at once.",
    ),
    Exit.INCONCLUSIVE: (
        "inconclusive: we cannot tell, and it is neither a pass nor a failure of the system",
        "Run it again on a quieter machine; when it stays, chaoskit explain VERDICT.",
    ),
    Exit.ENVIRONMENT: (
        "the environment is not fit: no engine, no disk, a missing capability; nothing was started",
        "chaoskit doctor says what mends it.",
    ),
    Exit.NOTHING_SELECTED: ("no experiment matched", "Look at the paths and at --tag."),
    Exit.HARNESS: ("a defect of chaoskit", "It is ours to mend; the log is named in the message."),
    Exit.LEFT_BEHIND: (
        "a fault or a resource may be left behind",
        "Stop the pipeline and run chaoskit recover.",
    ),
    Exit.NOT_PUBLISHED: (
        "every experiment passed, but the results could not be published",
        "Look at the store that --publish names; the run's folder is still there.",
    ),
    Exit.SIGINT: ("ended by SIGINT; everything was lifted and reported", "Run it again."),
    Exit.SIGTERM: ("ended by SIGTERM; everything was lifted and reported", "Run it again."),
}
