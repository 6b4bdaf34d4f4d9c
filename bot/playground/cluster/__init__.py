"""An embedded cluster: a small Kubernetes API in a thread, a double of a real control plane.

It knows namespaces, RBAC, service accounts, pods, reviews and little else; what it knows, it
answers as Kubernetes does. Who may do what is judged by `grants.authz`.
"""
