"""Whole clusters: nodes that log in to each other, and are restarted one by one; and ZooKeeper."""
