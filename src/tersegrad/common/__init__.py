"""The ground that every part of the package may import: version, errors, specs, options, files, JSON, folder scans."""
