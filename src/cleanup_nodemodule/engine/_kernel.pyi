from cleanup_nodemodule.engine.contract import (
    Finding,
    Groups,
    Measurement,
    Names,
    Removal,
    Root,
    Settled,
    Watch,
)

def find(root: Root, stack: list[bytes], names: Names, budget: int) -> Finding: ...
def measure(
    root: Root, stack: list[bytes], budget: int, watch: Watch | None = None
) -> Measurement: ...
def remove(
    root: Root,
    stack: list[bytes],
    budget: int,
    groups: Groups | None = None,
    group: int = 0,
    include_foreign: bool = False,
) -> Removal: ...
def settle(slices: list[tuple[int, bytes]], chosen: bytes) -> Settled: ...
def _use_openat2(wanted: bool) -> None: ...
