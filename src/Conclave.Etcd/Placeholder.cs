namespace Conclave.Etcd;
