"""Print the largest build artifacts beneath a directory: python scan.py [DIRECTORY]. Deletes nothing."""

import sys

from cleanup_nodemodule import CleanupError, Delete, Settings, scan

SHOWN = 10


def main(directory: str) -> int:
    """Print the artifacts beneath *directory* and return an exit code."""
    try:
        plan = scan(Settings(roots=(directory,), profiles=("all",)))
    except CleanupError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    largest = sorted(plan.artifacts, key=lambda one: one.size.allocated_bytes, reverse=True)
    for artifact in largest[:SHOWN]:
        decision = artifact.decision
        what = "delete" if isinstance(decision, Delete) else f"keep ({decision.reason})"
        megabytes = artifact.size.allocated_bytes / 1_000_000
        print(f"{megabytes:12,.1f} MB  {what:20}  {artifact.path}")
    print(f"Deleting what can be deleted frees {plan.reclaimable_bytes:,} bytes.")
    for problem in plan.problems:
        print(problem.sentence, file=sys.stderr)
    return 3 if plan.problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "."))
