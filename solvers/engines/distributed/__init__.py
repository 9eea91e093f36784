"""Real workers: one server and n workers, each in a process of its own.

`protocol` says what passes between them, `worker` and `server` are the two ends, `asynchronous` is the server that
does not wait for everybody; `processes` and `mpi` carry the bytes.
"""
