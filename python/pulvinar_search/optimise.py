"""Optuna by ask and tell. One driver asks and tells; the store is the cache, never Optuna's own storage."""

import math
import random
from collections.abc import Callable

from .errors import SearchError
from .pipe import Answer, Pipe

# TPE needs about half the points of a genetic algorithm for as much hypervolume; its time grows steeply with them.
TPE_UP_TO = 600

# Batches without a new point after which a search ends: the space is used up, or nearly.
VAIN_BATCHES = 100

# Objectives of what has none, far behind the reference at 1.
WORST = 10.0

SAMPLERS = ("auto", "tpe", "nsga2", "random")


def _optuna():
    try:
        import optuna
    except ImportError as e:
        raise SearchError(
            "this search needs Optuna: `pip install 'optuna>=5'`, or search without Python by "
            "`pulvinar explore search --sampler nsga2`"
        ) from e
    if int(optuna.__version__.split(".")[0]) < 5:
        raise SearchError(f"this is Optuna {optuna.__version__}; constraints need `pip install 'optuna>=5'`")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _study(name: str, budget: int, seed: int, objectives: int):
    """A study in memory."""
    if name not in SAMPLERS:
        raise SearchError(f"there is no sampler `{name}`; there are {', '.join(SAMPLERS)}")
    if budget < 1:
        raise SearchError("no point may be looked at; give a budget of at least 1")
    optuna = _optuna()
    if name == "auto":
        name = "tpe" if budget <= TPE_UP_TO else "nsga2"

    if name == "tpe":
        # The constant liar keeps the points of a batch apart.
        sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
    elif name == "nsga2":
        sampler = optuna.samplers.NSGAIISampler(population_size=50, seed=seed)
    else:
        sampler = optuna.samplers.RandomSampler(seed=seed)
    return optuna.create_study(sampler=sampler, directions=["minimize"] * objectives)


def _distributions(axes: list[dict]) -> dict:
    optuna = _optuna()

    def one(axis):
        if axis["ordered"] and axis["size"] > 1:
            return optuna.distributions.IntDistribution(0, axis["size"] - 1)
        return optuna.distributions.CategoricalDistribution(list(range(axis["size"])))

    return {str(i): one(axis) for i, axis in enumerate(axes)}


def drive(
    pipe: Pipe, sampler: str, budget: int, seed: int, batch: int, watch: Callable[[Answer], None] | None = None
) -> dict:
    """Proposes until the budget is spent; the report of the program. `watch` sees every new point."""
    study = _study(sampler, budget, seed, len(pipe.head["objectives"]))
    axes = pipe.head["axes"]
    distributions = _distributions(axes)
    draws = random.Random(seed)
    told, vain = 0, 0
    points = math.prod(axis["size"] for axis in axes)
    seen: set[tuple[int, ...]] = set()
    while told < budget and vain < VAIN_BATCHES and len(seen) < points:
        waiting: dict[tuple[int, ...], list] = {}
        for _ in range(min(batch, budget - told)):
            if vain > 0:
                # The sampler repeats itself: points drawn evenly in its place, until one is new.
                study.enqueue_trial({str(i): draws.randrange(axis["size"]) for i, axis in enumerate(axes)})
            trial = study.ask(distributions)
            digits = tuple(trial.params[name] for name in distributions)
            waiting.setdefault(digits, []).append(trial)
        vain += 1
        seen.update(waiting)
        for answer in pipe.ask(list(waiting)):
            if answer.number is not None and answer.number > told:
                told, vain = answer.number, 0
                if watch is not None:
                    watch(answer)
            for trial in waiting[answer.digits]:
                trial.set_constraint("feasible", -1.0 if answer.unit is not None else 1.0)
                study.tell(trial, answer.unit or [WORST] * len(study.directions))
    return pipe.close()


def search(
    space: str,
    store: str,
    budget: int,
    *,
    sampler: str = "auto",
    seed: int = 1,
    batch: int = 8,
    jobs: int = 0,
    confirm: bool = False,
    output: str | None = None,
    program: str = "pulvinar",
    watch: Callable[[Answer], None] | None = None,
) -> dict:
    """Looks at `budget` different points of a space and returns the report of `pulvinar explore search --json`.

    space: the SPACE.toml, with objectives and [reference].
    store: folder of results; known points are looked up there, others evaluated into it.
    sampler: "tpe", "nsga2", "random", or "auto": TPE up to 600 points, NSGA-II above.
    batch: points asked for at a time; a search repeats itself with the same seed and batch.
    jobs: points evaluated at a time, 0 for every core.
    confirm: simulate the points of the front that were found in closed form.
    output: the log, a JSON line a point.
    watch: is called with every new point.
    """
    if batch < 1:
        raise SearchError("no point may be asked for; give a batch of at least 1")
    _study(sampler, budget, seed, 1)  # what is wrong with these is said before anything is started
    command = [program, "--quiet", "--json", "explore", "search", str(space), "--store", str(store)]
    command += ["--sampler", "pipe", "--budget", str(budget), "--jobs", str(jobs)]
    command += ["--confirm"] if confirm else []
    command += ["-o", str(output)] if output else []
    with Pipe(command) as pipe:
        return drive(pipe, sampler, budget, seed, batch, watch)
