"""Our records in this contract's shape, version 7.1: pure functions, one module a resource."""
