#!/bin/bash
# Copies the volumes of a list, one array task each. A line of the list is `SOURCE DESTINATION`, as for `blockcopy sync`, and
# the task's number is the number of the line:
#
#     sbatch --array="1-$(wc -l < volumes)%4" copy-volumes.sh volumes
#
#SBATCH --job-name=copy-volumes
#SBATCH --output=copy-volumes-%A-%a.log
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=2
#SBATCH --mem=2G
#SBATCH --time=12:00:00
set -u

list=${1:?usage: sbatch --array=1-N copy-volumes.sh LIST}
options=${OPTIONS-"--lock --verify written"}
attempts=${ATTEMPTS:-5}

line=$(sed -n "${SLURM_ARRAY_TASK_ID:?submit this with --array}p" -- "$list") || exit 66
read -r source destination rest <<< "$line"
if [[ -z ${destination-} || -n $rest ]]; then
    echo "line $SLURM_ARRAY_TASK_ID of $list is not SOURCE DESTINATION: '$line'" >&2
    exit 64
fi

for ((attempt = 1; ; attempt++)); do
    # No quotes: there may be several options.
    # shellcheck disable=SC2086
    blockcopy sync --threads "${SLURM_CPUS_PER_TASK:-2}" $options -- "$source" "$destination"
    code=$?
    # 75: cut off, or another process writes to the destination. All other codes need a person.
    if ((code != 75 || attempt == attempts)); then
        exit "$code"
    fi
    echo "attempt $attempt of $attempts was cut off" >&2
    sleep "${RETRY_SECONDS:-60}"
done
