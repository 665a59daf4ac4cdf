"""Primer-EZ's step over the Transformer's at equal shapes: pairs of measurements, alternating, for both number formats.

    python architectures.py [--threads 2] [--pairs 11] [--sizes d64-l3,d128-l4,d256-l6]

Prints the median of the pairs' ratios, with the least and the most.
"""

import argparse
import statistics

from run import Isoflop


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=11)
    parser.add_argument("--sizes", default="d64-l3,d128-l4,d256-l6")
    arguments = parser.parse_args()
    for precision in ("float32", "bfloat16"):
        for size in arguments.sizes.split(","):
            both = [Isoflop(arch, size, arguments.threads, precision) for arch in ("transformer", "primer_ez")]
            pairs = [[trainer.seconds(1e-9) for trainer in both] for _ in range(arguments.pairs + 1)][1:]  # the first is to warm up
            ratios = sorted(primer / transformer for transformer, primer in pairs)
            print(f"{precision:9} {size:9} {statistics.median(ratios):.3f} ({ratios[0]:.2f} to {ratios[-1]:.2f})", flush=True)


if __name__ == "__main__":
    main()
