import subprocess
import sys

import pytest

from include.errors import ConfigurationError
from ml.catalog import CATALOG, find_entry


def test_unknown_ids_name_what_there_is() -> None:
    with pytest.raises(
        ConfigurationError, match=r"model 'oracle' is unknown; use one of .*volatility_garch, volatility_lstm, regime5_xgboost"
    ):
        find_entry("oracle")
    with pytest.raises(ConfigurationError, match=r"use one of regime5_xgboost$"):
        find_entry("regime5")
    assert find_entry("volatility_garch") is CATALOG["volatility_garch"]


def test_the_catalogue_imports_no_library_of_a_model() -> None:
    code = "import sys, ml.catalog; print(sorted({'xgboost', 'tensorflow', 'arch', 'mlflow', 'pandas', 'numpy'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
