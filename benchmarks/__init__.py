"""What Saoma costs, beside a plain server for the same job; see docs/performance.md.

`make bench` runs it. Everything stays on this machine's loopback interface.
"""
