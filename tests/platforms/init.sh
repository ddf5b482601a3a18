#!/bin/busybox sh
# The first process of the machine that machine.py starts: mounts the host's files, to be read and,
# in memory, written over, runs /command there, and switches the machine off.
/bin/busybox mkdir -p /proc /sys /dev /host /memory /root
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t devtmpfs dev /dev
for module in /modules/*; do insmod "$module"; done
mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=262144 host /host
ip link set lo up
if [ -e /command-apart ]; then # the host's programs are another processor's
  mkdir -p /tmp /dev/shm
  mount -t sysfs sys /sys
  mount -t tmpfs tmp /tmp
  mount -t tmpfs shm /dev/shm
  sh /command-apart
  echo "machine: status $?"
  poweroff -f
fi
mount -t tmpfs memory /memory
mkdir /memory/upper /memory/work
mount -t overlay -o lowerdir=/host,upperdir=/memory/upper,workdir=/memory/work overlay /root
mount -t proc proc /root/proc
mount -t sysfs sys /root/sys
mount -t devtmpfs dev /root/dev
mkdir -p /root/dev/shm /root/dev/pts
mount -t tmpfs shm /root/dev/shm
mount -t devpts pts /root/dev/pts
mount -t cgroup2 cgroup /root/sys/fs/cgroup
echo "+memory +cpu +cpuset" >/root/sys/fs/cgroup/cgroup.subtree_control
cp /command /root/command
chroot /root /bin/bash /command
echo "machine: status $?"
poweroff -f
