"""A Slurm of one node, on loopback and in a temporary folder, for as long as a test runs."""

import ctypes
import getpass
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

USER = getpass.getuser()
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol", "scancel", "squeue", "sinfo")
CONFIG = """\
ClusterName=loop
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CredType=cred/munge
# A requeued job waits this long before it starts again; 120 s unless told.
AuthInfo=socket={folder}/munge/socket,cred_expire=5
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SchedulerParameters=sched_min_interval=0,batch_sched_delay=0,sched_interval=1,bf_interval=1
ReturnToService=2
# More CPUs than there are, so that every task runs at once.
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs=8 CoresPerSocket=8 RealMemory={memory} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


class CannotStart(Exception):
    """There is no Slurm here, and what to do about it."""


def require_slurm():
    """The host name as Slurm spells it."""
    os.environ["PATH"] += ":/usr/sbin"
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    if missing:
        raise CannotStart(f"not installed: {', '.join(missing)}; on Debian and Ubuntu: "
                          "apt-get install slurm-wlm munge")
    host = socket.gethostname().split(".")[0]
    try:
        socket.gethostbyname(host)
    except OSError:
        raise CannotStart(f"host name {host} does not resolve; '127.0.0.1 {host}' in /etc/hosts "
                          "is enough") from None
    return host


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def die_with_parent():
    """Even a test that is killed leaves no daemon behind."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def wait_until(true, what, seconds=300.0):
    """The first value of true() that is true."""
    end = time.monotonic() + seconds
    while not (value := true()):
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        time.sleep(0.1)
    return value


class Cluster:
    """Context: its daemons run inside and its folder is gone afterwards."""

    def __init__(self):
        self.host = require_slurm()
        self.folder = Path(tempfile.mkdtemp(prefix="prefdyn-slurm-"))
        self.daemons = {}

    def __enter__(self):
        try:
            self.start()
        except (OSError, subprocess.SubprocessError) as error:
            reason = f"{error}\n{self.logs()}"
            self.stop()
            raise CannotStart(reason) from error
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        try:
            if self.call("scancel", "--user", USER).returncode == 0:
                wait_until(lambda: self.call("squeue", "-h").stdout == "", "all jobs end", 60.0)
        finally:
            self.stop()

    def start(self):
        self.folder.chmod(0o755)
        self.start_munge()
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        config = self.folder / "slurm.conf"
        memory = re.search(r"RealMemory=(\d+)", self.call("slurmd", "-C").stdout).group(1)
        config.write_text(CONFIG.format(host=self.host, folder=self.folder, user=USER,
                                        memory=memory, ports=free_ports(2)))
        os.environ["SLURM_CONF"] = str(config)
        self.start_daemon("slurmctld", "-D", "-c")
        self.start_daemon("slurmd", "-D", "-c")
        self.wait_for("the node", lambda: self.call("sinfo", "-ho", "%T").stdout == "idle\n")

    def start_munge(self):
        folder = self.folder / "munge"
        folder.mkdir()
        (folder / "key").write_bytes(os.urandom(1024))
        (folder / "key").chmod(0o400)
        paths = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log",
                 "seed-file": "seed"}
        self.start_daemon("munged", "--foreground", "--force", "--num-threads=2",
                          *(f"--{option}={folder / name}" for option, name in paths.items()))
        self.wait_for("munged", (folder / "socket").exists)

    def start_daemon(self, name, *arguments):
        """In the foreground, so that it ends with this process whatever happens."""
        with open(self.folder / f"{name}.out", "w") as out:
            self.daemons[name] = subprocess.Popen([name, *arguments], stdin=subprocess.DEVNULL,
                                                  stdout=out, stderr=out,
                                                  preexec_fn=die_with_parent)

    def wait_for(self, what, ready):
        def ready_or_dead():
            for name, process in self.daemons.items():
                if process.poll() is not None:
                    raise OSError(f"{name} ended with exit code {process.returncode}")
            return ready()
        wait_until(ready_or_dead, f"{what} is ready", 30.0)

    def stop(self):
        for process in reversed(self.daemons.values()):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder)

    def logs(self):
        """The last lines of every daemon."""
        return "\n".join(f"{path.name}: {line}" for path in sorted(self.folder.glob("*.out"))
                         for line in path.read_text(errors="replace").splitlines()[-5:])

    def call(self, *command, cwd=None):
        """Slurm's clients wait for minutes where no daemon answers."""
        try:
            return subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=20,
                                  cwd=cwd or self.folder)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, 124, "", f"{command[0]}: no answer")

    def job(self, task):
        """What Slurm knows of a task like 3_1."""
        shown = self.call("scontrol", "--oneliner", "show", "job", task).stdout
        return dict(re.findall(r"(\w+)=(\S*)", shown))

    def wait_for_end(self, task):
        """The task once it will not run again: not while it completes, or waits for a restart."""
        ends = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT")
        return wait_until(lambda: (job := self.job(task)).get("JobState") in ends and job,
                          f"task {task} ends")
