import io
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest

from ml.methods.keras_files import array_bytes
from ml.methods.recurrent import STEPS, Settings, fit_recurrent, load_recurrent, whole_sequences

SETTINGS = Settings(units=8, epochs=2, rate=0.01, least_steps=300)
ROWS = 1200


@pytest.fixture(scope="module")
def table():
    """Two symbols; the class follows what the first column was three rows before."""
    values = np.random.default_rng(3).normal(size=(ROWS, 3))
    symbols = pd.Series(np.repeat(["A", "B"], ROWS // 2))
    classes = (np.roll(values[:, 0], 3) > 0).astype(float)
    return values, symbols, np.zeros((ROWS, 2)), classes


def fit(table, seed=7, **change):
    values, symbols, start, target = table
    parts = {"kind": "classes", "settings": SETTINGS, "seed": seed} | change
    return fit_recurrent(values, symbols, start, target, **parts)


@pytest.fixture(scope="module")
def fitted(table):
    return fit(table)


def test_it_looks_back(table, fitted):
    values, symbols, start, classes = table
    stated = fitted.outputs(values, symbols, start)
    known = np.isfinite(stated).all(axis=1)
    assert (stated.argmax(axis=1) == classes)[known].mean() > 0.9


def test_it_relies_on_what_it_learnt_from(table, fitted):
    values, symbols, _, _ = table
    reliance = fitted.reliance(values, symbols)
    assert reliance.shape == (3, 2)
    assert (reliance[0] > 5 * reliance[1:]).all()
    np.testing.assert_array_equal(fitted.reliance(values, symbols), reliance)
    assert fitted.reliance(values[:19], symbols[:19]).tolist() == [[0, 0]] * 3


def test_a_sequence_never_reaches_into_another_symbol(table, fitted):
    values, symbols, start, _ = table
    known = np.isfinite(fitted.outputs(values, symbols, start)).all(axis=1)
    assert known.tolist() == whole_sequences(symbols).tolist()
    assert (~known).sum() == 2 * (STEPS - 1)
    other = values.copy()
    other[: ROWS // 2] = 9.0
    np.testing.assert_array_equal(fitted.outputs(other, symbols, start)[ROWS // 2 :], fitted.outputs(values, symbols, start)[ROWS // 2 :])


def test_what_it_states_is_causal(table, fitted):
    values, symbols, start, _ = table
    later = values.copy()
    later[500:] = 3.0
    np.testing.assert_array_equal(fitted.outputs(later, symbols, start)[:500], fitted.outputs(values, symbols, start)[:500])


def test_rows_without_a_target_teach_nothing(table):
    values, symbols, start, classes = table
    blind = np.where(np.arange(ROWS) % 600 < 500, classes, np.nan)
    trained = fit((values, symbols, start, blind))
    scrambled = values.copy()
    scrambled[500:600] = np.random.default_rng(0).permutation(values[500:600])
    scrambled[1100:] = np.random.default_rng(1).permutation(values[1100:])
    again = fit((scrambled, symbols, start, blind))
    for weight, other in zip(trained.weights, again.weights, strict=True):
        np.testing.assert_allclose(weight, other, atol=1e-5)  # the scaler, of all rows, sums them in another order


def test_the_same_seed_gives_the_same_bytes_another_does_not(table, fitted):
    files = fitted.files("n")
    assert fit(table).files("n") == files
    other = fit(table, seed=8).files("n")["n.keras"]
    assert array_bytes(other) != array_bytes(files["n.keras"])


def test_loaded_it_states_the_same(table, fitted):
    values, symbols, start, _ = table
    loaded = load_recurrent(fitted.files("n"), "n")
    np.testing.assert_array_equal(loaded.outputs(values, symbols, start), fitted.outputs(values, symbols, start))
    assert loaded.files("n") == fitted.files("n")


def test_a_later_fit_leaves_an_earlier_one_alone(table, fitted):
    values, symbols, start, _ = table
    before = [weight.copy() for weight in fitted.weights]
    for seed in range(3):
        fitted.outputs(values, symbols, start)  # now the network may hold the very arrays
        fit(table, seed=seed)
    for weight, earlier in zip(fitted.weights, before, strict=True):
        np.testing.assert_array_equal(weight, earlier)


def test_the_file_tells_no_time(fitted):
    with zipfile.ZipFile(io.BytesIO(fitted.files("n")["n.keras"])) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert b"date_saved" not in archive.read("metadata.json")
        assert not any(name.endswith((".pkl", ".pickle")) for name in archive.namelist())


def test_values_with_gaps_are_learnt_too(table):
    values, symbols, _, _ = table
    target = np.column_stack([0.5 * np.roll(values[:, 1], 1), np.full(ROWS, np.nan)])
    trained = fit((values, symbols, np.zeros((ROWS, 2)), target), kind="values")
    stated = trained.outputs(values, symbols, np.zeros((ROWS, 2)))
    known = np.isfinite(stated).all(axis=1)
    assert np.corrcoef(stated[known, 0], target[known, 0])[0, 1] > 0.8
    assert np.abs(stated[known, 1]).max() == 0  # never taught, nothing added


def test_nulls_count_as_the_mean(table, fitted):
    values, symbols, start, _ = table
    gaps, means = values.copy(), values.copy()
    gaps[100, 1], means[100, 1] = np.nan, fitted.mean[1]
    np.testing.assert_array_equal(fitted.outputs(gaps, symbols, start), fitted.outputs(means, symbols, start))


def test_tensorflow_may_run_already() -> None:
    """Another library of the process may have started it, when threads can no longer be set."""
    program = "import tensorflow as tf; tf.constant(1) + 1; from ml.methods.networks import start_keras; print(start_keras().__name__)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.stdout.strip() == "keras", ran.stderr[-500:]
