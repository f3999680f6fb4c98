namespace UdpTunnel.Config;

/// <summary>The field <c>AnswersFrom</c>: from where a sender takes the answers of its service.</summary>
public enum AnswersFrom
{
    /// <summary>Only from the address and port that were asked.</summary>
    Asked,

    /// <summary>From any port of the address that was asked, as TFTP answers (RFC 1350).</summary>
    AnyPort,

    /// <summary>From anywhere: services with several addresses, or all hosts of a network.</summary>
    Any,
}
