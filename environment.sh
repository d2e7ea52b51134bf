# The settings of a Marketmill shell. Source it from the project's root:
#
#     . ./environment.sh
#
# It activates .venv where there is one, takes the lines of .env, and gives every setting below that is not
# set yet its default. What is already set in the environment wins over .env, and .env over the defaults.
# Plain POSIX sh; it prints nothing (but a warning for a line of .env that it cannot read).

# The root: where this file lies, as far as the shell can tell; otherwise the current folder.
if [ -n "${BASH_VERSION:-}" ]; then
    _mill_root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE:-./environment.sh}")" && pwd)
elif [ -n "${ZSH_VERSION:-}" ]; then
    # In an eval, since other shells cannot read this expansion.
    eval '_mill_root=${${(%):-%x}:A:h}'
else
    _mill_root=$(pwd)
fi

_mill_read_dotenv() {
    _mill_number=0
    while IFS= read -r _mill_line || [ -n "$_mill_line" ]; do
        _mill_number=$((_mill_number + 1))
        _mill_line=${_mill_line%"$(printf '\r')"}
        case $_mill_line in
            '' | \#*) continue ;;
            'export '*) _mill_line=${_mill_line#export } ;;
        esac
        _mill_name=${_mill_line%%=*}
        case $_mill_line in *=*) ;; *) _mill_name='' ;; esac
        case $_mill_name in
            '' | [0-9]* | *[!A-Za-z0-9_]*)
                # Never the line itself: it may hold a secret.
                echo "$1, line $_mill_number: not NAME=value; the line is ignored" >&2
                continue
                ;;
        esac
        _mill_value=${_mill_line#*=}
        case $_mill_value in
            \"*\") _mill_value=${_mill_value#\"} _mill_value=${_mill_value%\"} ;;
            \'*\') _mill_value=${_mill_value#\'} _mill_value=${_mill_value%\'} ;;
        esac
        eval "_mill_is_set=\${$_mill_name+yes}"
        if [ -z "$_mill_is_set" ]; then export "$_mill_name=$_mill_value"; fi
    done <"$1"
}

export MARKETMILL_HOME="$_mill_root"

if [ -f "$_mill_root/.env" ]; then _mill_read_dotenv "$_mill_root/.env"; fi

if [ -f "$_mill_root/.venv/bin/activate" ]; then
    case ":$PATH:" in
        ":$_mill_root/.venv/bin:"*) ;;
        *)
            case $- in
                # A person gets the prompt and `deactivate`; a script needs only the path.
                *i*) . "$_mill_root/.venv/bin/activate" ;;
                *) export VIRTUAL_ENV="$_mill_root/.venv" PATH="$_mill_root/.venv/bin:$PATH" ;;
            esac
            ;;
    esac
    # Spark's worker processes must see the same packages as the driver.
    export PYSPARK_PYTHON="${PYSPARK_PYTHON:-$_mill_root/.venv/bin/python}"
    export PYSPARK_DRIVER_PYTHON="${PYSPARK_DRIVER_PYTHON:-$PYSPARK_PYTHON}"
fi

case ":${PYTHONPATH:-}:" in
    *":$_mill_root:$_mill_root/plugins:"*) ;;
    *) export PYTHONPATH="$_mill_root:$_mill_root/plugins${PYTHONPATH:+:$PYTHONPATH}" ;;
esac

# Airflow. The shell's home is not the user interface's: `airflow dags test` on a database that a scheduler
# uses deletes the scheduler's run of the same date.
export AIRFLOW_HOME="${AIRFLOW_HOME:-$_mill_root/.airflow/shell}"
export AIRFLOW__CORE__DAGS_FOLDER="${AIRFLOW__CORE__DAGS_FOLDER:-$_mill_root/dags}"
export AIRFLOW__CORE__PLUGINS_FOLDER="${AIRFLOW__CORE__PLUGINS_FOLDER:-$_mill_root/plugins}"
export AIRFLOW__CORE__LOAD_EXAMPLES="${AIRFLOW__CORE__LOAD_EXAMPLES:-False}"
# The default of 32 keeps 32 idle worker processes of 150 MB each.
export AIRFLOW__CORE__PARALLELISM="${AIRFLOW__CORE__PARALLELISM:-4}"
export AIRFLOW__API__WORKERS="${AIRFLOW__API__WORKERS:-1}"
# A new DAG file is seen after 20 seconds, not after 5 minutes.
export AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL="${AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL:-20}"
export AIRFLOW__LOGGING__LOGGING_LEVEL="${AIRFLOW__LOGGING__LOGGING_LEVEL:-INFO}"

# Spark. Without the connection Airflow's Spark operators would go to a YARN cluster.
if [ -z "${AIRFLOW_CONN_SPARK_DEFAULT:-}" ]; then
    export AIRFLOW_CONN_SPARK_DEFAULT='{"conn_type": "spark", "host": "local[2]"}'
fi
export SPARK_LOCAL_IP="${SPARK_LOCAL_IP:-127.0.0.1}"

# The lake (also under its other name) and the models' registry
export LAKE="${LAKE:-${IBKR_TRAINING_CACHE_DIR:-$_mill_root/lake}}"
if [ -z "${MLFLOW_TRACKING_URI:-}" ]; then
    # SQLite makes its file, but not the folder.
    mkdir -p "$_mill_root/.mlflow"
    export MLFLOW_TRACKING_URI="sqlite:///$_mill_root/.mlflow/mlflow.db"
fi
export MLFLOW_EXPERIMENT_NAME="${MLFLOW_EXPERIMENT_NAME:-marketmill}"

# Nobody is told what you do here.
export DO_NOT_TRACK="${DO_NOT_TRACK:-true}"
export MLFLOW_DISABLE_TELEMETRY="${MLFLOW_DISABLE_TELEMETRY:-true}"
export GX_ANALYTICS_ENABLED="${GX_ANALYTICS_ENABLED:-false}"

# Many small processes on few cores: one thread each, no graphics card, and only warnings from TensorFlow.
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
export CUDA_VISIBLE_DEVICES="${CUDA_VISIBLE_DEVICES:--1}"
export TF_NUM_INTEROP_THREADS="${TF_NUM_INTEROP_THREADS:-1}"
export TF_NUM_INTRAOP_THREADS="${TF_NUM_INTRAOP_THREADS:-1}"
export TF_CPP_MIN_LOG_LEVEL="${TF_CPP_MIN_LOG_LEVEL:-2}"
# What other packages will change some day is for our tests to see (see pyproject.toml), not for every log.
export PYTHONWARNINGS="${PYTHONWARNINGS:-ignore::FutureWarning,ignore::DeprecationWarning}"

unset -f _mill_read_dotenv
unset _mill_root _mill_number _mill_line _mill_name _mill_value _mill_is_set
