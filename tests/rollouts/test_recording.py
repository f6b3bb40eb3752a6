"""Episodes written down and filmed: they are the ones that a backend plays, to the last bit."""

import ctypes.util
import os
import subprocess
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest
from rollout_cases import WALK, questions, settings

from odes_rl.act import ACT_RULES
from odes_rl.cli.program import main
from odes_rl.errors import UserError
from odes_rl.interrupts import Interrupted, interrupt, signals_noted
from odes_rl.rollouts import filming
from odes_rl.rollouts.filming import Film, film_episode
from odes_rl.rollouts.protocol import EnvironmentFailure, Moments
from odes_rl.rollouts.recording import record_episode
from odes_rl.rollouts.serial import SerialBackend
from odes_rl.rollouts.setup import Setup, Wrap
from odes_rl.rollouts.video import open_video
from odes_rl.start_up import import_path, python_command, start_up

TASKS = ["HalfCheetah-v5", "Hopper-v5", "dm_control/cheetah-run-v0"]
renders = pytest.mark.skipif(not ctypes.util.find_library("EGL"), reason="needs EGL")


@pytest.fixture
def film_of(tmp_path, monkeypatch):
    """A film of an episode of a task that the tests define."""
    monkeypatch.setenv("MUJOCO_GL", "egl")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))

    def make(task: str) -> Film:
        weights, statistics, seeds = questions(task, candidates=1, episodes=1)
        return Film(settings(task, 3), weights, statistics, seeds.item(), str(tmp_path / "film.mp4"))

    return make


@pytest.mark.parametrize("task", TASKS)
def test_a_recorded_episode_is_the_one_that_a_backend_plays(task):
    weights, statistics, seeds = questions(task, candidates=1, episodes=1)
    chosen = settings(task, max_steps=25)
    with SerialBackend(chosen) as backend:
        played = backend.evaluate(weights, statistics, seeds)
    recording = record_episode(chosen, weights, statistics, seeds.item())
    steps = played.lengths.item()
    assert recording.total == played.returns.item()
    assert recording.observations.shape == (steps, statistics.mean.size)
    assert recording.actions.shape == (steps, weights.output.shape[1])
    alone = type(weights)(*(leaf[0] for leaf in weights))
    for observation, action in zip(recording.observations, recording.actions, strict=True):
        again = np.empty_like(action)
        ACT_RULES[chosen.act_rule].kernel(alone, observation, again)
        assert again.tobytes() == action.tobytes()


def test_observations_are_recorded_as_the_policy_saw_them():
    weights, statistics, seeds = questions("HalfCheetah-v5", candidates=1, episodes=1)
    plain = record_episode(settings("HalfCheetah-v5", 1), weights, Moments.empty(17), seeds.item())
    normalised = record_episode(settings("HalfCheetah-v5", 1), weights, statistics, seeds.item())
    expected = (plain.observations[0] - statistics.mean) / statistics.standard_deviation()
    np.testing.assert_allclose(normalised.observations[0], expected, rtol=1e-5, atol=1e-6)


def test_a_signal_ends_a_recording():
    weights, statistics, seeds = questions("Hopper-v5", candidates=1, episodes=1)
    steps = []
    with signals_noted(), pytest.raises(Interrupted):
        record_episode(settings("Hopper-v5"), weights, statistics, seeds.item(), lambda _: steps.append(interrupt()))
    assert len(steps) == 1


FILMS = [
    pytest.param("HalfCheetah-v5", ".mp4", 1, 50, marks=pytest.mark.slow),
    ("Hopper-v5", ".mp4", 3, 24),
    pytest.param("dm_control/cheetah-run-v0", ".mp4", 2, 20, marks=pytest.mark.slow),
    pytest.param("HalfCheetah-v5", ".gif", 1, 50, marks=pytest.mark.slow),
    ("Hopper-v5", ".gif", 5, 40),  # of 8 ms: three steps are no number of hundredths
]
"""Task, ending, environment steps that a picture lasts, and milliseconds."""


@renders
@pytest.mark.parametrize(("task", "ending", "every", "milliseconds"), FILMS)
def test_a_film_shows_the_episode_and_tells_its_return(task, ending, every, milliseconds, tmp_path, monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "egl")
    weights, statistics, seeds = questions(task, candidates=1, episodes=1)
    film = Film(settings(task, 12), weights, statistics, seeds.item(), str(tmp_path / f"film{ending}"))
    filmed: list[int] = []
    total = film_episode(film, filmed.append)
    recording = record_episode(film.settings, weights, statistics, film.seed)
    assert total == recording.total
    pictures = imageio.imread(film.output, plugin="pyav")
    assert filmed == list(range(0, len(recording.observations) + 1, every))
    width, height = {".mp4": (640, 480), ".gif": (320, 240)}[ending]
    assert pictures.shape == (len(filmed), height, width, 3)
    assert all(picture.std() > 10 for picture in pictures)  # something is to be seen
    assert np.abs(pictures[-1].astype(float) - pictures[0]).max() > 50  # and it moves
    told = imageio.immeta(film.output)
    assert (told["duration"] if ending == ".gif" else 1000 / told["fps"]) == pytest.approx(milliseconds, rel=0.02)


@renders
def test_a_film_of_repeated_actions_lasts_as_long_as_its_episode(tmp_path, monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "egl")
    weights, statistics, seeds = questions("HalfCheetah-v5", candidates=1, episodes=1)
    twice = Setup(wrappers=(Wrap("RepeatAction", {"num_repeats": 2}),))
    film = Film(settings("HalfCheetah-v5", 12)._replace(setup=twice), weights, statistics, seeds.item(), "film.mp4")
    monkeypatch.chdir(tmp_path)
    film_episode(film, lambda step: None)
    assert imageio.immeta(film.output)["fps"] == 10  # pictures are two steps of 50 ms apart


def test_a_process_that_ends_before_it_has_read_its_film_is_no_success(tmp_path, monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "egl")
    monkeypatch.setattr(filming, "python_command", lambda module: ["false"])
    weights, statistics, seeds = questions("Hopper-v5", candidates=5000, episodes=1)  # more than a pipe holds
    film = Film(settings("Hopper-v5", 3), weights, statistics, seeds.item(0), str(tmp_path / "film.mp4"))
    with pytest.raises(UserError, match=r"cannot film Hopper-v5: exit status 1"):
        film_episode(film, lambda step: None)


@pytest.mark.parametrize("ending", [".mp4", ".gif"])
def test_a_film_that_fails_leaves_an_older_one_of_its_name(ending, tmp_path, monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "egl")
    weights, statistics, seeds = questions("Hopper-v5", candidates=1, episodes=1)
    older = tmp_path / f"film{ending}"
    older.write_text("older")
    film = Film(settings("Hopper-v5", 3)._replace(task="NoTask-v0"), weights, statistics, seeds.item(), str(older))
    with pytest.raises(UserError, match="no task 'NoTask-v0'"):
        film_episode(film, lambda step: None)
    assert [file.name for file in tmp_path.iterdir()] == [older.name]
    assert older.read_text() == "older"


def test_where_nothing_renders_the_message_names_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "glfw")
    monkeypatch.delenv("DISPLAY", raising=False)
    weights, statistics, seeds = questions("Hopper-v5", candidates=1, episodes=1)
    film = Film(settings("Hopper-v5", 3), weights, statistics, seeds.item(), str(tmp_path / "film.mp4"))
    with pytest.raises(UserError, match=r"no renderer works for Hopper-v5 .* glfw: needs a display; .*MUJOCO_GL=egl"):
        film_episode(film, lambda step: None)


@pytest.mark.skipif(bool(ctypes.util.find_library("OSMesa")), reason="OSMesa is there")
def test_a_library_that_is_missing_is_named_with_its_package_however_mujoco_gl_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("ODES_RL_RENDERER", "")
    monkeypatch.setenv("MUJOCO_GL", " OSMesa")
    start_up()
    assert os.environ["MUJOCO_GL"] == "disable"
    weights, statistics, seeds = questions("Hopper-v5", candidates=1, episodes=1)
    film = Film(settings("Hopper-v5", 3), weights, statistics, seeds.item(), str(tmp_path / "film.mp4"))
    with pytest.raises(UserError, match=r"osmesa: on Debian and Ubuntu `apt-get install libosmesa6`") as caught:
        film_episode(film, lambda step: None)
    assert "libegl1" not in str(caught.value)


def test_what_needs_no_film_needs_no_renderer():
    command, environment = python_command("odes_rl"), {**os.environ, **import_path(), "MUJOCO_GL": "osmosis"}
    done = subprocess.run([*command, "list", "tasks"], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "HalfCheetah-v5" in done.stdout


def test_a_renderer_that_there_is_not_is_told_before_the_episodes(monkeypatch, capsys):
    monkeypatch.setenv("ODES_RL_RENDERER", "")
    monkeypatch.setenv("MUJOCO_GL", "osmosis")
    assert main(["evaluate", "absent", "--video", "film.mp4"]) == 2
    assert "MUJOCO_GL is 'osmosis', but must be one of egl, osmesa, glfw" in capsys.readouterr().err


@pytest.mark.parametrize(("seconds", "rate"), [(300.0, 1 / 300), (0.7, 1 / 0.7), (0.01, 50)])
def test_pictures_of_odd_sides_make_a_film_in_real_time(tmp_path, seconds, rate):
    with open_video(str(tmp_path / "film.mp4")) as video:
        video.begin(seconds)
        for value in (0, 100, 200):
            video.add(np.full((65, 33, 3), value, np.uint8))
    facts = imageio.immeta(tmp_path / "film.mp4", plugin="pyav")
    assert facts["fps"] == pytest.approx(rate, rel=1e-3)
    assert imageio.improps(tmp_path / "film.mp4", plugin="pyav").shape == (3, 66, 34, 3)


@renders
@pytest.mark.parametrize(
    ("task", "why"),
    [
        (WALK, "takes no render_mode: a film needs that parameter, and a method render"),
        ("odd_environments:Unwritten", r"its method render returns no picture \[height, width, 3\]: a film needs one"),
        ("odd_environments:Blank", r"its method render returns no picture \[height, width, 3\]: a film needs one"),
        (
            "odd_environments:Grey",
            r"render returns a picture \[32, 48\] of uint8: a film needs \[height, width, 3\] of u",
        ),
        ("odd_environments:Reals", r"render returns a picture \[32, 48, 3\] of float64: a film needs"),
    ],
)
def test_an_environment_without_pictures_cannot_be_filmed(tmp_path, film_of, task, why):
    with pytest.raises(UserError, match=f"cannot film {task}: .*{why}"):
        film_episode(film_of(task), lambda step: None)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("task", "told"),
    [
        ("odd_environments:RenderFails", r"RenderFails raised an exception in render:\n.*RuntimeError: no light"),
        ("odd_environments:StepFails", r"StepFails.*RuntimeError: no step\nstep size too small"),
    ],
)
def test_an_environment_that_raises_while_it_is_filmed_has_its_traceback_told(tmp_path, film_of, task, told):
    with pytest.raises(EnvironmentFailure, match=f"(?s){told}"):
        film_episode(film_of(task), lambda step: None)
    assert not [*tmp_path.iterdir()]


def test_a_recorded_episode_fails_where_a_backend_counts_it_as_failed():
    task = "odd_environments:SometimesVast"
    weights, statistics, seeds = questions(task, candidates=1, episodes=12)
    with SerialBackend(settings(task)) as backend:
        returns = backend.evaluate(weights, statistics, seeds).returns[0]
    assert 0 < np.isnan(returns).sum() < len(returns)
    recorded = [record_episode(settings(task), weights, statistics, int(seed)).total for seed in seeds[0]]
    np.testing.assert_array_equal(recorded, returns)


@renders
@pytest.mark.parametrize("task", ["odd_environments:Talking", "odd_environments:Timed"])
def test_what_an_environment_prints_is_no_answer_of_its_film(film_of, task):
    film, filmed = film_of(task), []
    recording = record_episode(film.settings, film.weights, film.statistics, film.seed)
    assert film_episode(film, filmed.append) == recording.total
    assert filmed == [0, 1, 2, 3]


@renders
def test_a_file_that_cannot_be_written_is_said_in_a_line(tmp_path, monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "egl")
    weights, statistics, seeds = questions("Hopper-v5", candidates=1, episodes=1)
    film = Film(settings("Hopper-v5", 3), weights, statistics, seeds.item(), str(tmp_path / "absent" / "film.mp4"))
    with pytest.raises(UserError, match=r"cannot film Hopper-v5: .*absent"):
        film_episode(film, lambda step: None)
