"""Where settings come from: a grid, or Optuna's TPE (Bergstra et al., 2011) in its own storage."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from rustml.errors import EnvironmentFault, InputError
from rustml.training.search.space import Range, Setting, Space


class Proposals(Protocol):
    """Settings one by one, each of which is told its result before the next is asked for."""

    def __iter__(self) -> Iterator[Setting]:
        """The settings."""
        ...

    def tell(self, score: float | None) -> None:
        """The result of the last setting; None where its trial failed."""
        ...


class Grid:
    """Every combination of the choices of a space."""

    def __init__(self, space: Space) -> None:
        self._settings = space.grid()

    def __iter__(self) -> Iterator[Setting]:
        return iter(self._settings)

    def tell(self, score: float | None) -> None:
        """A grid learns nothing from results."""


class OptunaStudy:
    """Drawn settings, as many as `trials`. A study that was cut short goes on: a finished trial is handed out again,
    so that it can be ranked, and one that was running is handed out with the same values."""

    def __init__(self, space: Space, trials: int, file: Path, seed: int, *, maximise: bool) -> None:
        optuna = _optuna()
        file.parent.mkdir(parents=True, exist_ok=True)
        storage = f"sqlite:///{file}"
        direction = "maximize" if maximise else "minimize"
        self._study = optuna.create_study(
            storage=storage, study_name=file.stem, direction=direction, load_if_exists=True
        )
        # A sampler that starts anew with the seed of the first time would draw its first values once more.
        self._study.sampler = optuna.samplers.TPESampler(seed=seed + len(self._study.trials))
        self._space, self._trials = space, trials
        self._states = optuna.trial.TrialState
        self._last: Any = None

    def __iter__(self) -> Iterator[Setting]:
        finished = []
        for trial in self._study.trials:
            if trial.state == self._states.RUNNING:
                self._study.tell(trial.number, state=self._states.FAIL)
                self._study.enqueue_trial(trial.params)
            elif trial.state == self._states.COMPLETE:
                finished.append(trial)
        for trial in finished[: self._trials]:
            self._last = None
            yield tuple(f"{key}={value}" for key, value in trial.params.items())
        for _ in range(self._trials - len(finished)):
            self._last = self._study.ask()
            yield self._drawn(self._last)

    def tell(self, score: float | None) -> None:
        """Store the result, from which the next settings are drawn."""
        if self._last is not None and score is None:
            self._study.tell(self._last, state=self._states.FAIL)
        elif self._last is not None:
            self._study.tell(self._last, score)

    def _drawn(self, trial: Any) -> Setting:
        chosen = {key: trial.suggest_categorical(key, list(values)) for key, values in self._space.choices.items()}
        drawn = {key: _suggested(trial, key, limits) for key, limits in self._space.ranges.items()}
        return tuple(f"{key}={value}" for key, value in {**chosen, **drawn}.items())


def _suggested(trial: Any, key: str, limits: Range) -> float | int:
    if limits.whole:
        return int(trial.suggest_int(key, int(limits.low), int(limits.high)))
    return float(trial.suggest_float(key, limits.low, limits.high, log=limits.low > 0))


def proposals(space: Space, trials: int, file: Path, seed: int, *, maximise: bool) -> Proposals:
    """The grid of a space, or so many drawn trials where `trials` is above 0.

    Raises InputError as `Space.grid` does, EnvironmentFault where Optuna is missing.
    """
    return OptunaStudy(space, trials, file, seed, maximise=maximise) if trials else Grid(space)


def settings_of(space: Space, trials: int) -> Sequence[Setting]:
    """The settings that can be listed beforehand: of a grid all, of a study those at the bounds of its ranges.

    Each is to be checked against the profile before the first trial starts.
    """
    if not trials:
        return space.grid()
    if not space.ranges and trials > len(space.grid()):
        raise InputError(f"grid: it has {len(space.grid())} combinations, fewer than trials={trials}; leave trials out")
    low = [f"{key}={_bound(limits, limits.low)}" for key, limits in space.ranges.items()]
    high = [f"{key}={_bound(limits, limits.high)}" for key, limits in space.ranges.items()]
    return [(*setting, *bounds) for setting in Space(space.choices, {}).grid() for bounds in (low, high)]


def _bound(limits: Range, value: float) -> float | int:
    return int(value) if limits.whole else value


def _optuna() -> Any:
    try:
        import optuna  # noqa: PLC0415  an optional dependency
    except ImportError as error:
        raise EnvironmentFault(
            "trials are drawn by Optuna, which is not installed: "
            "pip install -r requirements/sweep.txt -c requirements/cpu.txt; or leave trials out and name values"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
