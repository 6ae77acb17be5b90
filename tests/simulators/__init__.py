"""CRMs that run on this machine: real HTTP servers with state, history, limits and faults.

`python -m tests.simulators salesforce --port 0` runs one alone; a test starts one in its process
with `server.Server(salesforce.Application(...))`.
"""
