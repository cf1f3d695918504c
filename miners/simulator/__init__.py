"""A simulated fleet that speaks the real protocols on real sockets.

Physics (`machine`) knows watts and shares and no protocol; protocols (`axeos`, `nerdqaxe`, `avalon`) know
fields and no sockets; `server` knows sockets and nothing of either; `fleet` says which device there is and
which misfortune it has. Nothing else in HMM imports this package to tell simulated devices from real ones.
"""
