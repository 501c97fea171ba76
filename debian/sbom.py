#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints a software bill of materials (CycloneDX 1.5, JSON) of the programs given: the Debian packages of every library
they load, directly and through others, with version, source package, licence and the SHA-256 of the library itself.

usage: debian/sbom.py [--version VERSION] PROGRAM... >symbiont.cdx.json

The same machine state gives the same bytes: no clock (SOURCE_DATE_EPOCH, or the last change to debian/changelog) and no
random serial number.
"""
import argparse
import datetime
import hashlib
import json
import os
import re
import subprocess
import sys
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))


def run(*argv):
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def needed(path):
    """The names of the libraries a file asks for itself."""
    return re.findall(r"\(NEEDED\).*\[(.+)\]", run("readelf", "-dW", path))


def loaded(path):
    """{name: file} of all libraries that are loaded with it."""
    return {m[0]: os.path.realpath(m[1]) for m in re.findall(r"^\s*(\S+) => (/\S+)", run("ldd", path), re.M)}


def packages_of(paths):
    """{path: package}. With the merged /usr, dpkg may know a file under its other name."""
    other = {p: p[4:] if p.startswith("/usr/lib") else "/usr" + p for p in paths}
    out = subprocess.run(["dpkg-query", "-S", *paths, *other.values()], capture_output=True, text=True).stdout
    owners = {}
    for line in out.splitlines():
        package, _, path = line.partition(": ")
        owners[path] = package.split(",")[0]
    return {p: owners.get(p) or owners.get(other[p]) for p in paths}


def sha256(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def licences(package):
    """The licence names of debian/copyright as far as it is in the machine-readable form."""
    path = "/usr/share/doc/%s/copyright" % package.split(":")[0]
    try:
        with open(path, errors="replace") as f:
            text = f.read()
    except OSError:
        return []
    return sorted(set(re.findall(r"^License: *(\S[^\n]*)", text, re.M)))[:20] if "Format:" in text[:400] else []


def distribution():
    facts = dict(re.findall(r'^(\w+)="?([^"\n]*)', open("/etc/os-release").read(), re.M))
    return "%s-%s" % (facts.get("ID", "debian"), facts.get("VERSION_ID", "unknown"))


def component(package, files, distro):
    name, version, source, source_version, arch, homepage = run(
        "dpkg-query", "-W", "-f", "${Package}\t${Version}\t${source:Package}\t${source:Version}\t${Architecture}\t${Homepage}",
        package).split("\t")
    c = {"type": "library", "bom-ref": "deb/%s" % name, "name": name, "version": version,
         "purl": "pkg:deb/debian/%s@%s?arch=%s&distro=%s" % (name, version.replace("+", "%2B").replace(":", "%3A"), arch, distro),
         "scope": "required",
         "properties": [{"name": "debian:source", "value": source}, {"name": "debian:sourceVersion", "value": source_version}]
         + [{"name": "file:%s" % os.path.basename(f), "value": "sha256:" + sha256(f)} for f in sorted(files)]}
    found = licences(package)
    if found:
        c["licenses"] = [{"license": {"name": l}} for l in found]
    if homepage:
        c["externalReferences"] = [{"type": "website", "url": homepage}]
    return c


def made_at():
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if not epoch:
        epoch = run("dpkg-parsechangelog", "-l", os.path.join(HERE, "changelog"), "-S", "Timestamp").strip()
    return datetime.datetime.fromtimestamp(int(epoch), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--version", default="0")
    parser.add_argument("programs", nargs="+")
    options = parser.parse_args()
    files, edges, programs = {}, {}, []
    all_loaded = {program: loaded(program) for program in sorted(options.programs)}
    owners = packages_of(sorted({path for libraries in all_loaded.values() for path in libraries.values()}))
    for program, libraries in all_loaded.items():
        packages = {name: owners[path] for name, path in libraries.items()}
        unknown = [n for n, p in packages.items() if not p]
        if unknown:
            sys.exit("of no package: " + ", ".join(unknown))
        for name, path in libraries.items():
            files.setdefault(packages[name], set()).add(path)
            edges.setdefault(packages[name], set()).update(packages[n] for n in needed(path) if n in packages)
        ref = "program/" + os.path.basename(program)
        programs.append({"type": "application", "bom-ref": ref, "name": os.path.basename(program), "version": options.version,
                         "hashes": [{"alg": "SHA-256", "content": sha256(program)}]})
        edges[ref] = {packages[n] for n in needed(program) if n in packages}
    distro = distribution()
    short = {p: "deb/" + p.split(":")[0] for p in files}
    bom = {
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {"timestamp": made_at(),
                     "component": {"type": "application", "bom-ref": "symbiont", "name": "symbiont", "version": options.version,
                                   "licenses": [{"license": {"id": "Apache-2.0"}}]}},
        "components": programs + [component(p, files[p], distro) for p in sorted(files)],
        "dependencies": [{"ref": "symbiont", "dependsOn": [p["bom-ref"] for p in programs]}] +
                        [{"ref": short.get(ref, ref), "dependsOn": sorted({short[p] for p in on} - {short.get(ref)})}
                         for ref, on in sorted(edges.items())],
    }
    # A serial number that says the same of the same content.
    bom["serialNumber"] = "urn:uuid:" + str(uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(bom, sort_keys=True)))
    json.dump(bom, sys.stdout, indent=1, sort_keys=True)
    print()


main()
