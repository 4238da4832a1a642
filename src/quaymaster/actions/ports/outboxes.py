"""How patient everything is that is sent to others: pauses between attempts, leases, keeping."""

from datetime import timedelta

# After each failed attempt; the one after the last parks it, about a day after the first.
PAUSES = (
    timedelta(seconds=10),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(hours=6),
    timedelta(hours=12),
)
LEASE = timedelta(minutes=2)  # longer than the client lets a call take
KEPT = timedelta(days=30)
LONGEST_PROBLEM = 500
