#!/usr/bin/python3
"""Checks the spans that lib/collector.js has written, and says what they are.

    spans.py FILE

Each request's spans must make a tree: children of the request's span, in its trace, within its time
and one after another, no id twice. Prints a line for each request, in the order of their begin:

    TRACE PARENT HANDLER NAME RESULT STATUS CHILDREN

where PARENT and HANDLER are ids of spans, and "-" stands for none.
"""
import json
import sys

SERVER, INTERNAL, ERROR = 2, 1, 2
FAILURES = {"busy", "timeout", "too_big", "closed"}
ALWAYS = {"rpc.system", "rpc.service", "rpc.method", "preforkd.connection", "preforkd.request",
          "preforkd.received", "preforkd.sent", "preforkd.result", "preforkd.worker",
          "preforkd.generation"}


class Wrong(Exception):
    pass


def must(truth, what, *spans):
    if not truth:
        raise Wrong("\n".join([what, *(json.dumps(span) for span in spans)]))


def check_span(span):
    must(len(span["trace"]) == 32 and int(span["trace"], 16) != 0, "bad trace id", span)
    must(len(span["id"]) == 16 and int(span["id"], 16) != 0, "bad span id", span)
    must(len(span["parent"]) in (0, 16), "bad parent id", span)
    must(0 < span["start"] <= span["end"], "it ends before it begins", span)
    must(span["resource"].keys() == {"service.name", "service.version", "host.name"},
         "bad resource", span)
    must(span["resource"]["service.name"] == span["scope"] == "preforkd", "bad scope", span)


def check_request(span):
    attributes = span["attributes"]
    result = attributes["preforkd.result"]
    must(span["kind"] == SERVER, "no server span", span)
    must(span["name"] == attributes["rpc.service"] + "/message", "bad name", span)
    must(ALWAYS <= attributes.keys(), "attributes are missing", span)
    must((span["status"] == ERROR) == (result in FAILURES), "bad status", span)
    must(attributes.get("error.type") == (result if result in FAILURES else None),
         "bad error.type", span)


def check_children(request, children):
    at = request["start"]
    for child in children:
        must(child["kind"] == INTERNAL and not child["attributes"], "bad child", child)
        must(child["trace"] == request["trace"], "a child of another trace", request, child)
        must(at <= child["start"] and child["end"] <= request["end"],
             "a child is not within its time", request, child)
        at = child["end"]
    names = [child["name"] for child in children]
    must(names in ([], ["queue"], ["handler"], ["queue", "handler"]), f"children: {names}",
         request, *children)
    return names


def main():
    with open(sys.argv[1], encoding="utf-8") as lines:
        spans = [json.loads(line) for line in lines]
    for span in spans:
        span["start"], span["end"] = int(span["start"]), int(span["end"])
        check_span(span)
    must(len({span["id"] for span in spans}) == len(spans), "a span id stands twice")
    requests = {span["id"]: span for span in spans if span["name"] not in ("queue", "handler")}
    children = {key: [] for key in requests}
    for span in spans:
        if span["id"] not in requests:
            must(span["parent"] in requests, "a child without its request", span)
            children[span["parent"]].append(span)
    for key, request in sorted(requests.items(), key=lambda item: item[1]["start"]):
        check_request(request)
        mine = sorted(children[key], key=lambda span: (span["start"], span["end"]))
        names = check_children(request, mine)
        handler = [span["id"] for span in mine if span["name"] == "handler"]
        print(request["trace"], request["parent"] or "-", *(handler or ["-"]), request["name"],
              request["attributes"]["preforkd.result"], request["status"],
              ",".join(names) or "-")


if __name__ == "__main__":
    try:
        main()
    except Wrong as wrong:
        sys.exit(f"spans.py: {wrong}")
