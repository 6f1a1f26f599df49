"""Batches made ahead of time, by threads or processes, in order."""

import collections
import queue
import threading
import time

PATIENCE = 2.0          # seconds to wait for workers that are still busy when nobody wants their batches any more


def ahead(dataset, indices, workers, processes, depth):
    """``dataset[i]`` for every i in order, up to `depth` of them in work at a time.

    However the iteration ends (also by an exception, or because it is closed), the workers end with it.

    Args:
        dataset: A PyDataset.
        indices: Iterable of batch numbers.
        workers: Number of workers.
        processes: Whether they are processes; else threads.
        depth: Number of batches ready or in work.

    Raises:
        Exception: What ``dataset[i]`` raised, with its traceback.
    """
    pool = _Pool(dataset, workers, processes)
    try:
        waiting = collections.deque()
        for i in indices:
            waiting.append(pool.submit(i))
            if len(waiting) >= depth:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.close()


class _Pool:
    """Threads that take numbers from a queue. For processes, each thread has one process that it asks and waits for."""

    def __init__(self, dataset, workers, processes):
        self.tasks = queue.SimpleQueue()
        # All processes are begun before the first thread: a fork copies the thread that forks, and no other.
        self.children = _children(dataset, workers) if processes else []
        fetchers = [child.fetch for child in self.children] or [dataset.__getitem__] * workers
        self.threads = [threading.Thread(target=_serve, args=(fetch, self.tasks), daemon=True, name=f"dlcore-data-{i}") for i, fetch in enumerate(fetchers)]
        for thread in self.threads:
            thread.start()

    def submit(self, i):
        from concurrent.futures import Future

        future = Future()
        self.tasks.put((future, i))
        return future

    def close(self):
        try:
            while True:
                self.tasks.get_nowait()
        except queue.Empty:
            pass
        for _ in self.threads:
            self.tasks.put(None)
        for child in self.children:
            child.close()
        deadline = time.monotonic() + PATIENCE
        for thread in self.threads:
            thread.join(max(0.0, deadline - time.monotonic()))


def _serve(fetch, tasks):
    while (task := tasks.get()) is not None:
        future, i = task
        try:
            batch = fetch(i)
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(batch)
        task = future = batch = None            # a thread that waits keeps no batch alive


def _children(dataset, workers):
    import multiprocessing

    import numpy as np

    from dlcore.random import global_seed_generator

    context = multiprocessing.get_context()
    seed = np.asarray(global_seed_generator().state).tolist()          # looked at, not drawn: workers change no other number
    children = []
    try:
        for _ in range(workers):
            children.append(_Child(context, dataset, seed))
    except BaseException:
        for child in children:
            child.close()
        raise
    return children


class _Child:
    """One process that makes the batches it is asked for."""

    def __init__(self, context, dataset, seed):
        self.pipe, far_end = context.Pipe()
        forked = context.get_start_method() == "fork"
        self.process = context.Process(target=_child, args=(far_end, self.pipe if forked else None, dataset, seed), daemon=True)
        self.process.start()
        far_end.close()

    def fetch(self, i):
        try:
            self.pipe.send(i)
            done, value, traceback = self.pipe.recv()
        except (EOFError, OSError) as error:
            self.process.join(PATIENCE)
            raise RuntimeError(f"the worker process that made batch {i} of the PyDataset ended (exit code {self.process.exitcode}): it was killed, or it crashed") from error
        if done:
            return value
        value.add_note(f"\nIn the worker process, batch {i}:\n{traceback}")
        raise value

    def close(self):
        """Ends the process. It may be at work on a batch that nobody wants any more."""
        self.process.terminate()
        self.process.join(PATIENCE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.pipe.close()


def _child(pipe, parents_end, dataset, seed):
    import random
    import signal
    import traceback

    import numpy as np

    from dlcore.config import set_num_threads

    if parents_end is not None:
        parents_end.close()                     # else the pipe would stay open when the parent is gone
    signal.signal(signal.SIGINT, signal.SIG_IGN)        # Ctrl-C is for the parent, who ends this process
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    set_num_threads(1)                          # the cores are shared with the other workers
    while True:
        try:
            i = pipe.recv()
        except (EOFError, OSError):
            return
        first = np.random.SeedSequence([*seed, i]).generate_state(1)[0]
        random.seed(int(first))
        np.random.seed(first)
        try:
            answer = True, dataset[i], None
        except BaseException as error:
            answer = False, _portable(error), traceback.format_exc()
        try:
            pipe.send(answer)
        except (EOFError, OSError):
            return
        except Exception as error:
            pipe.send((False, TypeError(f"batch {i} of the PyDataset cannot be pickled: {error}"), traceback.format_exc()))


def _portable(error):
    """The exception, or one that says the same if it cannot be pickled and read again."""
    import pickle

    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
