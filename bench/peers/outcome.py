"""What a measured process is told and what it prints: bench/outcome.ts, for Python."""
import json
import resource
import sys
import time


def job():
    return json.loads(sys.argv[1])


def peak_mib():
    """ru_maxrss may be that of the process that started this one; VmHWM is not."""
    try:
        with open("/proc/self/status") as status:
            return round(next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024)
    except OSError:
        scale = 1024 * 1024 if sys.platform == "darwin" else 1024
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale)


def report(version, figures, answer=None):
    print(json.dumps(dict(figures=figures, peakMiB=peak_mib(), version=version, answer=answer)))


def milliseconds(call, seconds=2.0, least=3, most=200):
    """Times of single calls, after one that warms up."""
    call()
    times, end = [], time.perf_counter() + seconds
    while len(times) < least or (len(times) < most and time.perf_counter() < end):
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1e3)
    return times
