"""Since 5.0 bodies only grew: each version shows less of them than the next (`since`)."""

from functools import partial

from quaymaster.apis.azure.versions import since

before_7_1 = partial(since.before, (7, 1))
before_6_1 = partial(since.before, (6, 1))
before_6_0 = partial(since.before, (6, 0))
before_5_2 = partial(since.before, (5, 2))
before_5_1 = partial(since.before, (5, 1))
