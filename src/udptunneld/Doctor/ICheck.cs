namespace UdpTunnel.Doctor;

/// <summary>Looks at one thing. May take its time, and never changes what runs.</summary>
internal interface ICheck
{
    /// <summary>Names what it looks at, where it cannot say more itself.</summary>
    string Id { get; }

    /// <summary>Looks. Runs on a thread of its own.</summary>
    /// <exception cref="IOException">The system does not let it look.</exception>
    IEnumerable<Finding> Run(Patient patient);
}
