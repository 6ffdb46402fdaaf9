"""The two calls that create a run, and all that may befall them."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.standin.behaviour import AFTER, BEFORE, OUTPUTS, RUNS, WEBHOOKS
from tests.standin.ledger import NEVER, Run
from tests.standin.state import StandIn
from tests.standin.trouble import befall, problem, refuse, throttle
from tests.standin.wares import version_of

__all__ = ["Creating"]

UNITS = {"s": 1, "m": 60, "h": 3600}
ALL_EVENTS = ["start", "output", "logs", "completed"]


class Creating:
    """Handlers."""

    def __init__(self, standin: StandIn) -> None:
        self.standin = standin

    async def by_version(self, request: Request) -> Response:
        body = await request.json()
        version = str(body.get("version", "")).rpartition(":")[2]
        if version not in self.standin.versions:
            title = "Invalid version or not permitted"
            return problem(422, "The specified version does not exist.", title=title)
        return await self._create(request, body, self.standin.versions[version], version)

    async def by_model(self, request: Request) -> Response:
        name = "{owner}/{name}".format(**request.path_params)
        if name.startswith("nobody/"):
            return problem(404, "The requested resource could not be found.")
        return await self._create(request, await request.json(), name, version_of(name))

    async def _create(self, request: Request, body: Any, model: str, version: str) -> Response:
        standin = self.standin
        standin.requests.append(request)
        standin.asked.append(standin.now)
        refusal = await self._refuse(request, body)
        if refusal:
            return refusal
        run = self._run(request, body, model, version)
        standin.ledger.add(run)
        standin.herald.follow(run)
        answer = JSONResponse(standin.shown(run), 201)
        return await befall(standin.dice.one_of(AFTER), standin, request, answer)

    async def _refuse(self, request: Request, body: Any) -> Response | None:
        """The answer to whoever creates nothing."""
        standin, behaviour = self.standin, self.standin.behaviour
        if refusal := await refuse(standin, request):
            return refusal
        if fault := standin.dice.one_of(BEFORE):
            return await befall(fault, standin, request, Response())
        if not isinstance(body, dict) or "prompt" not in (body.get("input") or {}):
            return problem(422, "- input: prompt is required\n", title="Input validation failed")
        wait = standin.creations.wait(standin.now, behaviour.rate, behaviour.window)
        return throttle(standin, wait) if wait else None

    def _run(self, request: Request, body: Any, model: str, version: str) -> Run:
        now, behaviour, dice = self.standin.now, self.standin.behaviour, self.standin.dice
        fates = {dice.one_of(OUTPUTS), dice.one_of(RUNS), *dice.all_of(WEBHOOKS)}
        deadline = request.headers.get("cancel-after")
        return Run(
            id=dice.id(),
            model=model,
            version=version,
            input=body["input"],
            created=now,
            seconds=float(body["input"].get("seconds", behaviour.seconds)),
            deadline=now + _duration(deadline) if deadline else NEVER,
            base=str(request.base_url).rstrip("/"),
            webhook=body.get("webhook"),
            events=body.get("webhook_events_filter") or ALL_EVENTS,
            fates=frozenset(fate for fate in fates if fate),
            keep_seconds=behaviour.keep_seconds,
        )


def _duration(text: str) -> float:
    """Such as 600s, 5m or 90."""
    return float(text.rstrip("smh")) * UNITS.get(text[-1], 1)
