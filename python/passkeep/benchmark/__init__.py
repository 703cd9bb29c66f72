"""Measuring this machine, passkeep, and its peers on the same work.

A suite is a list of races, a race is a few contenders that take turns on one task:

* `ciphers.py`: which cipher this machine is quicker with.
* `contest.py`: what races and contenders are; `measure.py`: running one;
  `spread.py`: what may be said of a few numbers; `noise.py`: whether of these at all.
* `suites.py` names the suites; each is a module of its own.
* `peers.py`, `commands.py`: other people's programs, and running them.
* `runner.py` runs suites, `report.py` is the result as JSON, `table.py` and
  `plot.py` show it.

No other part of the package imports any of it.
"""
