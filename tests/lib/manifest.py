"""What doc/kubernetes.yaml says.

Usage: manifest.py FILE check          whether its parts agree; says what does not
       manifest.py FILE configuration  the configuration of preforkd
       manifest.py FILE command        the command of the container, a word a line
       manifest.py FILE user           whom it runs as
       manifest.py FILE port NAME      the number of a port of the container
"""

import re
import sys

import yaml


class Manifest:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.kinds = {one["kind"]: one for one in yaml.safe_load_all(file)}
        self.template = self.kinds["Deployment"]["spec"]["template"]
        self.pod = self.template["spec"]
        (self.container,) = self.pod["containers"]
        self.ports = {one["name"]: one["containerPort"] for one in self.container["ports"]}
        self.configuration = self.kinds["ConfigMap"]["data"]["preforkd.conf"]

    def seconds(self, key):
        return int(re.search(rf'^{key} = "(\d+)s"', self.configuration, re.M)[1])

    def listens(self, port):
        return f'listen = "0.0.0.0:{port}"' in self.configuration

    def faults(self):
        labels = self.template["metadata"]["labels"]
        selectors = (
            self.kinds["Deployment"]["spec"]["selector"]["matchLabels"],
            self.kinds["Service"]["spec"]["selector"],
        )
        if any(not one.items() <= labels.items() for one in selectors):
            yield "a selector does not select the pods"
        for name, port in self.ports.items():
            if not self.listens(port):
                yield f"port {name}: the configuration does not listen on {port}"
        for probe, path in (("startup", "/readyz"), ("readiness", "/readyz"), ("liveness", "/livez")):
            asked = self.container[f"{probe}Probe"]["httpGet"]
            if asked != {"path": path, "port": "admin"}:
                yield f"{probe} probe: asks for {asked}"
        if self.template["metadata"]["annotations"]["prometheus.io/port"] != str(self.ports["admin"]):
            yield "Prometheus is sent to another port"
        if {one["targetPort"] for one in self.kinds["Service"]["spec"]["ports"]} != {"main"}:
            yield "the service leads to another port"
        sleep, before = self.container["lifecycle"]["preStop"]["exec"]["command"]
        grace = self.pod["terminationGracePeriodSeconds"]
        if sleep != "sleep" or grace < int(before) + self.seconds("drain_timeout") + 5:
            yield "terminationGracePeriodSeconds is too short for preStop and drain_timeout"
        volumes = {one["name"]: one["configMap"]["name"] for one in self.pod["volumes"]}
        for mount in self.container["volumeMounts"]:
            if volumes[mount["name"]] != self.kinds["ConfigMap"]["metadata"]["name"]:
                yield "another ConfigMap is mounted"
            if f'{mount["mountPath"]}/preforkd.conf' not in self.container["command"]:
                yield "the command reads another file"


def main():
    manifest = Manifest(sys.argv[1])
    what = sys.argv[2]
    if what == "check":
        faults = list(manifest.faults())
        print("\n".join(faults), end="")
        sys.exit(bool(faults))
    if what == "configuration":
        print(manifest.configuration, end="")
    elif what == "command":
        print("\n".join(manifest.container["command"]))
    elif what == "user":
        print(manifest.pod["securityContext"]["runAsUser"])
    elif what == "port":
        print(manifest.ports[sys.argv[3]])


main()
