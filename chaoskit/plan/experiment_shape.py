"""What an experiment file may hold: Chaos Toolkit's keys, and none that it would ignore."""

from chaoskit.plan.block_shape import EXTENSION
from chaoskit.plan.report import Report
from chaoskit.plan.shape import Flag, ListOf, MapOf, Number, Record, Shape, Text
from chaoskit.plan.shapes_joined import ByKey, Constant, Either, Shared
from chaoskit.plan.tree import Fields, Node, child, text_of

_SECRETS = ListOf(Text(), "Groups of `secrets` that the provider may see.", examples=[["vault"]])
_ANY_ARGUMENTS = MapOf(doc="Passed to the function by name.", examples=[{"service": "web"}])

PROVIDERS = {
    "python": Record(
        {
            "type": Constant("python", "A Python function is called."),
            "module": Text("Dotted path of the module.", examples=["chaoskit.faults.crash"]),
            "func": Text("Name of the function in it.", examples=["inject"]),
            "arguments": _ANY_ARGUMENTS,
            "secrets": _SECRETS,
        },
        required=("module", "func"),
    ),
    "process": Record(
        {
            "type": Constant("process", "A program is started."),
            "path": Text("The program: a name on the PATH, or a path.", examples=["curl"]),
            "arguments": Either(
                Text("One line for the shell."),
                ListOf(Shape(), "Words, given to the program as they are."),
                MapOf(doc="Options and their values."),
                doc="Arguments of the program.",
                examples=[["--fail", "http://127.0.0.1:8080/"]],
            ),
            "timeout": Number("Seconds until it is killed.", low=0, examples=[5]),
            "secrets": _SECRETS,
        },
        required=("path",),
    ),
    "http": Record(
        {
            "type": Constant("http", "An HTTP request is made."),
            "url": Text("The address; `${name}` is filled in.", examples=["${web_url}/"]),
            "method": Text("The HTTP verb.", default="GET", examples=["GET", "POST"]),
            "headers": MapOf(Either(Text(), Number()), "Request headers."),
            "arguments": Either(
                MapOf(), Text(), ListOf(Shape()), doc="The query of a GET, else the body."
            ),
            "timeout": Either(
                Number(low=0),
                ListOf(Number(low=0)),
                Text(pattern=r"\$\{\w+\}", examples=["${timeout}"]),
                doc="Seconds; or two: to connect, and to read.",
                examples=[0.5, [0.2, 0.5]],
            ),
            "verify_tls": Flag("Whether the certificate must be good.", default=True),
            "max_retries": Number("Retries of a failed connection.", low=0, whole=True),
            "secrets": _SECRETS,
        },
        required=("url",),
    ),
}
_TCP = "Chaos Toolkit has none; a process probe can ask too, e.g. path: nc, arguments: [-z, ...]"
PROVIDER = Shared(
    "provider",
    ByKey("type", PROVIDERS, "Who does it: python, process or http.", instead={"tcp": _TCP}),
)

_TARGET = Text("Which part of the value: status, stdout, body ...", examples=["body"])
TOLERANCES = {
    "regex": Record(
        {
            "type": Constant("regex", "A pattern must be found in the value."),
            "pattern": Text("A regular expression, as Python has them.", examples=["^ok$"]),
            "target": _TARGET,
        },
        required=("pattern",),
    ),
    "jsonpath": Record(
        {
            "type": Constant("jsonpath", "A JSON path must find something."),
            "path": Text("The path.", examples=["$.items[*]"]),
            "target": _TARGET,
            "expect": Shape("What must be found: a value, or the list of all."),
            "count": Number("How many must be found.", low=0, whole=True),
        },
        required=("path",),
    ),
    "range": Record(
        {
            "type": Constant("range", "A number must lie between two, both included."),
            "range": ListOf(Number(), "Lower and upper bound.", examples=[[0, 10]]),
            "target": _TARGET,
        },
        required=("range",),
    ),
    "probe": Record(
        {
            "type": Constant("probe", "Another probe decides, given the value as `value`."),
            "name": Text("Name of the deciding probe."),
            "provider": PROVIDER,
            "background": Flag(),
            "secrets": _SECRETS,
        },
        required=("name", "provider"),
    ),
}
TOLERANCE = Shared(
    "tolerance",
    Either(
        Flag(),
        Number(whole=True),
        Text(),
        ListOf(Shape(), least=1),
        ByKey("type", TOLERANCES),
        doc="What counts as good: a status, a text, a truth value, a list, or a rule by type.",
        hint="Chaos Toolkit refuses it; for a fraction write {type: range, range: [low, high]}",
        examples=[200, True, [200, 204], {"type": "regex", "pattern": "ok", "target": "body"}],
    ),
)

CONTROL = Shared(
    "control",
    Record(
        {
            "name": Text("Name of the control."),
            "ref": Text("Name of a control that is defined elsewhere in the file."),
            "provider": ByKey(
                "type",
                {
                    "python": Record(
                        {
                            "type": Constant("python"),
                            "module": Text("Dotted path of the control's module."),
                            "arguments": MapOf(),
                            "secrets": _SECRETS,
                        },
                        required=("module",),
                    )
                },
                "The code of the control.",
            ),
            "scope": Text("When it is called; absent: both.", choices=("before", "after")),
            "automatic": Flag("Whether it applies to every activity.", default=True),
        },
        "A Chaos Toolkit control: code that is called around activities.",
        required=("name", "provider"),
    ),
)
_CONTROLS = ListOf(CONTROL, "Controls of this part.")
_PAUSE = Either(Number(low=0), Text(pattern=r"\$\{\w+\}", examples=["${pause}"]))

_COMMON = {
    "name": Text("Its name; unique in the file.", examples=["crash-a-replica"]),
    "provider": PROVIDER,
    "background": Flag("Whether the method goes on without waiting for it.", default=False),
    "pauses": Record(
        {"before": _PAUSE, "after": _PAUSE}, "Seconds of waiting around it.",
        examples=[{"before": 1, "after": 2}],
    ),
    "controls": _CONTROLS,
    "timeout": Number("Never applied by Chaos Toolkit; set the provider's instead.", low=0),
}  # fmt: skip
PROBE = Record(
    {"type": Constant("probe", "It asks."), **_COMMON, "tolerance": TOLERANCE},
    required=("name", "provider"),
)
STEADY_PROBE = Record(PROBE.fields, required=("name", "provider", "tolerance"))
ACTION = Record({"type": Constant("action", "It does."), **_COMMON}, required=("name", "provider"))
REFERENCE = Record(
    {
        "ref": Text("Name of an activity that is defined elsewhere in the file."),
        "tolerance": TOLERANCE,
        "background": Flag("Whether the method goes on without waiting for it.", default=False),
    },
    required=("ref",),
)


class Activity(ByKey):
    """A probe or an action, or a reference to one."""

    def check(self, node: Node, report: Report, name: str) -> None:
        if isinstance(node, Fields) and "ref" in node.fields:
            REFERENCE.check(node, report, name)
        else:
            super().check(node, report, name)

    def kind(self, defs: dict[str, dict[str, object]]) -> dict[str, object]:
        variants = super().kind(defs)["anyOf"]
        return {"anyOf": [REFERENCE.schema(defs), *variants]}


ACTIVITY = Shared("activity", Activity("type", {"probe": PROBE, "action": ACTION}))


class Outside(Shape):
    """A value, or where it comes from: mappings of the known types are checked, others are values."""

    def __init__(self, sources: dict[str, Record], doc: str) -> None:
        super().__init__(doc)
        self.sources = sources

    def check(self, node: Node, report: Report, name: str) -> None:
        source = self.sources.get(text_of(child(node, "type")) or "")
        if source is not None:
            source.check(node, report, name)


_ENV = {
    "type": Constant("env", "From an environment variable."),
    "key": Text("Name of the environment variable.", examples=["WEB_URL"]),
}
_TYPES = ("str", "int", "float", "bytes", "bool", "json")
CONFIGURATION = MapOf(
    Outside(
        {
            "env": Record(
                {
                    **_ENV,
                    "default": Shape("Used when the variable is not set."),
                    "env_var_type": Text("Type of the value.", choices=_TYPES, default="str"),
                },
                required=("key",),
            ),
            "probe": PROBE,
        },
        "A value; {type: env, key: NAME, default: ...}; or a probe whose answer is the value.",
    ),
    "Names for `${name}`. A target's entrypoint of the same name takes its place.",
    examples=[{"web_url": {"type": "env", "key": "WEB_URL", "default": "http://127.0.0.1:8080"}}],
)
_VAULT = {
    "type": Constant("vault", "From a Vault server."),
    "path": Text("Path of the secret."),
    "key": Text("Key in it; absent: all of them."),
}
SECRETS = MapOf(
    MapOf(
        Outside(
            {"env": Record(_ENV, required=("key",)), "vault": Record(_VAULT, required=("path",))},
            "A value; {type: env, key: NAME}; or {type: vault, path: ..., key: ...}.",
        )
    ),
    "Groups of secrets; their names can be used as `${name}` too.",
)
EXPERIMENT = Record(
    {
        "version": Either(Text(), Number(), doc="Version of the file.", examples=["1.0.0"]),
        "title": Text("What is claimed, in one sentence.", examples=["A crash costs no request"]),
        "description": Text("What the experiment does, and why it matters."),
        "tags": ListOf(Text(), "Words to select experiments by.", examples=[["redundancy"]]),
        "contributions": MapOf(
            Text(choices=("high", "medium", "low", "none")),
            "How much it contributes to qualities such as reliability.",
            examples=[{"reliability": "high"}],
        ),
        "configuration": CONFIGURATION,
        "secrets": SECRETS,
        "controls": _CONTROLS,
        "steady-state-hypothesis": Record(
            {
                "title": Text("What good looks like.", examples=["The front page answers"]),
                "probes": ListOf(
                    Activity("type", {"probe": STEADY_PROBE}),
                    "Asked the whole time, from before the fault until after recovery.",
                    least=1,
                ),
                "controls": _CONTROLS,
            },
            "What must hold: probes, and what each must answer.",
            required=("title", "probes"),
        ),
        "method": ListOf(ACTIVITY, "What is done: the fault, and whatever belongs to it."),
        "rollbacks": ListOf(ACTIVITY, "Done at the end; chaoskit lifts its own faults itself."),
        "extensions": ListOf(EXTENSION, "Blocks for tools; the one named chaoskit is ours."),
        "runtime": MapOf(doc="Settings of a plain `chaos run`; chaoskit does not read them."),
    },
    "A Chaos Toolkit experiment.",
    required=("title", "description", "steady-state-hypothesis", "method"),
)
