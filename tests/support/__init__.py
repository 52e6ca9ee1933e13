"""What the tests share: what they declare, run, mount and hold against each other."""
