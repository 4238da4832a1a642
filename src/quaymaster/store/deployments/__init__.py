"""Deployments: their lists and approvals, the queues of environments, freezes."""
