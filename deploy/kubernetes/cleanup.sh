#!/usr/bin/env bash
# Removes what setup.sh made. May be run again: what is gone already is no error.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: deploy/kubernetes/cleanup.sh [--profile NAME] [--delete-cluster]

  --profile NAME    Minikube's profile; default: conclave-demo
  --delete-cluster  delete the whole profile, its images and disks too

Deletes the namespace conclave-demo with everything in it, the store's volumes included. The cluster stays, unless told otherwise.
TEXT
}

fail() {
  echo "cleanup: $1" >&2
  exit 1
}

need() {
  command -v "$1" >/dev/null || fail "$1 is not installed; get it from $2, then run this again"
}

profile=conclave-demo delete_cluster=0
while (($# > 0)); do
  case $1 in
    -h | --help) usage && exit 0 ;;
    --profile) profile=${2:?--profile needs a name} && shift ;;
    --delete-cluster) delete_cluster=1 ;;
    *) usage >&2 && exit 2 ;;
  esac
  shift
done

need minikube https://minikube.sigs.k8s.io/docs/start/
if ((delete_cluster)); then
  minikube delete --profile "$profile"
  exit
fi

need kubectl https://kubernetes.io/docs/tasks/tools/
minikube --profile "$profile" status >/dev/null 2>&1 || fail "profile $profile is not running; 'minikube --profile $profile start' starts it, '--delete-cluster' deletes it as it is"
kubectl --context "$profile" delete namespace conclave-demo --ignore-not-found --timeout=180s ||
  fail "the namespace is not gone after 180 s; 'kubectl --context $profile -n conclave-demo get all,pvc' shows what holds it"
echo "cleanup: done; profile $profile still runs, 'minikube stop --profile $profile' stops it"
