"""`chaoskit` on the command line, and `python -m chaoskit`."""

import sys

from chaoskit.errors import ChaoskitError, Exit


def main() -> None:
    """Run the command line; an error is one message and its exit code, never a traceback."""
    from chaoskit.cli import cli  # noqa: PLC0415  # click is the first thing that costs time

    try:
        cli.main(prog_name="chaoskit")
    except ChaoskitError as error:
        from chaoskit.cli.messages import show_error  # noqa: PLC0415

        show_error(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(Exit.SIGINT)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read us has gone; saying so would fail too
        sys.exit(Exit.PASS)
    except Exception:  # noqa: BLE001  # the last line of defence: a defect of ours
        from chaoskit.cli.messages import show_defect  # noqa: PLC0415

        show_defect()
        sys.exit(Exit.HARNESS)


if __name__ == "__main__":
    main()
