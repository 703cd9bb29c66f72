"""Bulk jobs: many backups in one run, which a kill does not make anybody repeat."""

from passkeep.jobs.job import Job
from passkeep.jobs.parsing import read_jobs
from passkeep.jobs.results import JobError, JobProblem, JobResult
from passkeep.jobs.run import run_jobs

__all__ = ["Job", "JobError", "JobProblem", "JobResult", "read_jobs", "run_jobs"]
