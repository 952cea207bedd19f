"""Everything in this process: nothing to install, gone when it ends. What a database promises, it keeps."""
