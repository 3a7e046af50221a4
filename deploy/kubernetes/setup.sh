#!/usr/bin/env bash
# Minikube from nothing to five instances of which one leads. May be run again: what is there already stays, what changed is rolled out.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: deploy/kubernetes/setup.sh [OVERLAY] [--profile NAME] [--timeout SECONDS]

  OVERLAY            a folder of deploy/kubernetes/overlays: etcd (default), conclave, leases
  --profile NAME     Minikube's profile; default: conclave-demo, a cluster of its own
  --timeout SECONDS  how long to wait for the pods; default: 300

Needs minikube, kubectl and git. Starts the profile with a network plugin that enforces NetworkPolicies if it does not run, builds the image
inside it, applies the manifests and waits until every pod is ready. deploy/kubernetes/cleanup.sh undoes it.
TEXT
}

fail() {
  echo "setup: $1" >&2
  exit 1
}

need() {
  command -v "$1" >/dev/null || fail "$1 is not installed; get it from $2, then run this again"
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
overlay=etcd profile=conclave-demo timeout=300 namespace=conclave-demo
while (($# > 0)); do
  case $1 in
    -h | --help) usage && exit 0 ;;
    --profile) profile=${2:?--profile needs a name} && shift ;;
    --timeout) timeout=${2:?--timeout needs seconds} && shift ;;
    -*) usage >&2 && exit 2 ;;
    *) overlay=$1 ;;
  esac
  shift
done
[[ $timeout =~ ^[0-9]+$ ]] || fail "--timeout is '$timeout'; write seconds, without a unit"
[[ -f $here/overlays/$overlay/kustomization.yaml ]] || fail "there is no overlay '$overlay'; there are: $(cd "$here/overlays" && echo *)"

need minikube https://minikube.sigs.k8s.io/docs/start/
need kubectl https://kubernetes.io/docs/tasks/tools/
need git https://git-scm.com/downloads

# Before a cluster is started for nothing.
manifests=$(kubectl kustomize "$here/overlays/$overlay") || fail "this kubectl cannot render overlays/$overlay; it needs version 1.27 or newer"

if minikube --profile "$profile" status >/dev/null 2>&1; then
  echo "setup: profile $profile is running"
else
  echo "setup: starting profile $profile"
  minikube --profile "$profile" start --cni=calico || fail "minikube did not start; 'minikube --profile $profile logs --problems' says why, 'minikube delete --profile $profile' begins anew"
fi

# The tag names the sources: an unchanged tree is not built again, a changed one is rolled out. (With a fixed tag neither would show, for
# `minikube image build` ends with 0 even when the build failed.)
tag=dev-$(cd "$root" && find src samples/DoubleDialer samples/LeaderDemo samples/Web Directory.Build.props Directory.Build.targets Directory.Packages.props global.json .editorconfig .dockerignore deploy/kubernetes/Dockerfile \
  \( -name bin -o -name obj \) -prune -o -type f -print | LC_ALL=C sort | git hash-object --stdin-paths | git hash-object --stdin | cut -c1-12)
has_image() {
  minikube --profile "$profile" image ls | grep -Eq "(^|/)conclave:$tag\$"
}
if has_image; then
  echo "setup: image conclave:$tag is there"
else
  echo "setup: building image conclave:$tag inside Minikube; the first time it fetches the .NET SDK image"
  minikube --profile "$profile" image build --tag "conclave:$tag" --file deploy/kubernetes/Dockerfile "$root" || true
  has_image || fail "the image was not built; the messages above say why (no network? 'minikube --profile $profile ssh -- df -h /var' shows a full disk)"
fi

kube() {
  kubectl --context "$profile" --namespace "$namespace" "$@"
}
echo "setup: applying overlays/$overlay"
kubectl --context "$profile" apply --filename - <<<"${manifests//image: conclave:dev/image: conclave:$tag}" ||
  fail "the API server refused the manifests; if another overlay is there, run deploy/kubernetes/cleanup.sh first"

# What the overlay has, so that one without a store has nothing to wait for.
for workload in statefulset deployment; do
  kube get "$workload" --output name | while read -r name; do
    kube rollout status "$name" --timeout "${timeout}s" || fail "$name is not ready after $timeout s; 'kubectl --context $profile -n $namespace describe pods' says why; deploy/kubernetes/README.md has a table of troubles"
  done
done

cat <<TEXT
setup: ready. Who leads, and who sees it:
  kubectl --context $profile -n $namespace get pods
  kubectl --context $profile -n $namespace logs -l app.kubernetes.io/name=leader-demo --prefix --tail=3 -f
TEXT
