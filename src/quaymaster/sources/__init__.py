"""The protocols of artifact sources: how each lists its versions and names a version's files.

Both the server, which lists, and a job, which downloads, speak them; neither is known here.
"""
