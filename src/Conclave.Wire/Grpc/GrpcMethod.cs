using Google.Protobuf;

namespace Conclave.Wire.Grpc;

/// <summary>One method of a service: the path on the wire and how its answers and requests are read. Shared by both sides.</summary>
/// <param name="Path">For instance <c>/etcdserverpb.KV/Range</c>.</param>
/// <param name="RequestParser">Reads what the client sends.</param>
/// <param name="ResponseParser">Reads what the server sends.</param>
public sealed record GrpcMethod<TRequest, TResponse>(string Path, MessageParser<TRequest> RequestParser, MessageParser<TResponse> ResponseParser)
    where TRequest : IMessage<TRequest>
    where TResponse : IMessage<TResponse>;
