namespace Grpc.Core;

/// <summary>An additional check of a server's certificate, after the usual ones.</summary>
/// <param name="context">The server.</param>
/// <returns>Whether to accept it.</returns>
public delegate bool VerifyPeerCallback(VerifyPeerContext context);
