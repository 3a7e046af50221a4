namespace Conclave.Wire.Grpc;

/// <summary>Limits of the serving side.</summary>
public sealed record GrpcServerOptions
{
    /// <summary>Largest request message, in bytes, before and after decompression. Default 4 MiB, as elsewhere in gRPC.</summary>
    public int RequestBytesMax { get; init; } = 4 << 20;

    /// <summary>What a call hears that is ended by the stop of the server.</summary>
    public string StoppedText { get; init; } = "server stopped";
}
