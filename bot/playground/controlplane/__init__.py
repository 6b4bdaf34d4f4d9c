"""A real control plane on this machine: etcd, kube-apiserver, kube-controller-manager.

`assets` finds or makes the binaries, `plane` starts and stops them. `python -m
bot.playground.controlplane ensure` does the former ahead of time.
"""
