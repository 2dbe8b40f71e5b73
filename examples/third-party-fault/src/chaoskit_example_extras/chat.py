"""Reporter `chat`: a run as one message, in the JSON that chat systems take at a webhook.

It writes a file and sends nothing: `curl --json @reports/latest/chat.json "$WEBHOOK"` does.
"""

import json

from chaoskit.model.journal import Journal
from chaoskit.reporters.headline import headline


class Chat:
    """chat.json."""

    file = "chat.json"
    summary = "the run as one chat message"

    def render(self, journal: Journal) -> str:
        """The message."""
        head = headline(journal)
        lines = [f"{head.result.symbol} {head.sentence}", *head.asides]
        lines += [
            f"{one.name}: {one.judgement.sentence}" for one in journal.experiments if one.judgement
        ]
        return json.dumps({"text": "\n".join(lines)}, ensure_ascii=False)


REPORTER = Chat()
