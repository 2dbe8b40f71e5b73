"""The way into a cluster through its API server: a port-forward that never lies about the service.

A process of its own listens on one local port an entrypoint. Every connection gets a tunnel of its
own to a pod that is ready at that moment, as a Service would choose one, so nothing needs to be opened
anew when a pod is replaced. When the tunnel is to blame, and not the service, the time is told as a
gap: see docs/decisions/0023.
"""
