"""Wrappers of a command that give it Linux namespaces of its own."""

# Ends with its shell; mounts are nobody else's.
MOUNTS = ("unshare", "--mount", "--propagation", "private")
# The first process in there has the id 1.
PROCESSES = ("unshare", "--fork", "--pid", "--mount-proc", "--kill-child")
