# SPDX-License-Identifier: MIT
# What the Linux tests run in the guest: work.sh between two marks, then what the kernel says about its machine.
mkdir /root/place && cd /root/place
echo "vitro: work begins"
sh ../work.sh ../work 2>&1
echo "vitro: work ends"
date +%s
nproc
cd /sys/devices/system/cpu/vulnerabilities && grep . *
echo "vitro: dmesg"
dmesg
